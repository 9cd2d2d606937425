"""MLflow's first page: the choices of a first visit are put into it, and nothing else is touched."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from agile_classifier.ops.web.mlflow_pages.app import CHOICES, OpenedOnRuns

PAGE = "<!doctype html><html><head><title>MLflow</title></head><body>ä</body></html>"


def front(request: Request) -> Response:
    if "if-none-match" in request.headers:
        return Response(status_code=304)
    return HTMLResponse(PAGE, headers={"ETag": "1", "Last-Modified": "then", "Cache-Control": "no-cache"})


def api(request: Request) -> Response:
    return JSONResponse({"said": "<head>", "asked": request.headers.get("if-none-match")})


def visit() -> TestClient:
    return TestClient(OpenedOnRuns(Starlette(routes=[Route("/", front), Route("/api", api)])))


def test_the_page_makes_the_choices_of_a_first_visit_before_its_own_scripts() -> None:
    answer = visit().get("/", headers={"If-None-Match": "1"})
    assert answer.status_code == 200, "a page without the choices must not stay in a cache"
    head, _, rest = answer.text.partition("</script>")
    assert head.startswith("<!doctype html><html><head><script>")
    for key, value in CHOICES.items():
        assert f"localStorage.getItem('{key}')||localStorage.setItem('{key}','{value}')" in head
    assert rest == PAGE.partition("<head>")[2]
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert not {"etag", "last-modified"} & set(answer.headers)
    assert answer.headers["cache-control"] == "no-cache"


def test_another_answer_stays_as_it_is() -> None:
    assert visit().get("/api", headers={"If-None-Match": "1"}).json() == {"said": "<head>", "asked": "1"}
    assert visit().get("/none").status_code == 404
    assert visit().head("/").text == ""
