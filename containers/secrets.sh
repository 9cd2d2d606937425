#!/bin/sh
# Write random passwords for compose.yaml into a folder that only you may enter; what is there is kept.
#
#     sh containers/secrets.sh [FOLDER]
set -eu
folder=${1:-$(dirname "$0")/secrets}
mkdir -p "$folder"
chmod 700 "$folder"
random() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }
keep() {  # a container's user reads its secret, so the file is open and the folder is not
  [ -e "$folder/$1" ] || { cat > "$folder/.$1"; chmod 444 "$folder/.$1"; mv "$folder/.$1" "$folder/$1"; }
}
for name in mariadb mlflow_session postgres zenml zenml_jwt; do
  random | keep "$name"
done
key=$(random) secret=$(random)
if [ ! -e "$folder/store" ]; then
  rm -f "$folder/store_credentials"
  printf '[default]\naws_access_key_id = %s\naws_secret_access_key = %s\n' "$key" "$secret" | keep store_credentials
  printf '{"identities": [{"name": "agile", "credentials": [{"accessKey": "%s", "secretKey": "%s"}], "actions": ["Admin", "Read", "Write", "List", "Tagging"]}]}\n' "$key" "$secret" | keep store
fi
printf '[mlflow]\ndefault_permission = READ\ndatabase_uri = sqlite:////state/accounts.db\nadmin_username = admin\nadmin_password = %s\nauthorization_function = mlflow.server.auth:authenticate_request_basic_auth\n' "$(random)" | keep mlflow_accounts
echo "passwords in $folder: zenml (user default), mlflow_accounts (user admin)"
