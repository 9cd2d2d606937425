# All images at once, with BuildKit:
#
#     docker buildx bake --file containers/docker-bake.hcl
#     REGISTRY=registry.company/ docker buildx bake --file containers/docker-bake.hcl --push
#
# The label agile.code, by which a run knows an image of other code, comes from CODE="$(python -m agile_classifier.ops.project)".

variable "REGISTRY" {
  default = ""
}

variable "VERSION" {
  default = "0.1.0"
}

variable "REVISION" {
  default = "unknown"
}

variable "CODE" {
  default = ""
}

variable "BASE_IMAGE" {
  default = "python:3.11.14-slim-bookworm"
}

group "default" {
  targets = ["steps", "fine-tune", "serving", "tracking"]
}

target "image" {
  context    = "."
  dockerfile = "containers/Dockerfile"
  args = {
    BASE_IMAGE = BASE_IMAGE
    VERSION    = VERSION
    REVISION   = REVISION
    CODE       = CODE
  }
}

target "steps" {
  inherits = ["image"]
  target   = "steps"
  tags     = ["${REGISTRY}agile-classifier/steps:${VERSION}"]
}

target "fine-tune" {
  inherits = ["image"]
  target   = "fine-tune"
  tags     = ["${REGISTRY}agile-classifier/fine-tune:${VERSION}"]
}

target "serving" {
  inherits = ["image"]
  target   = "serving"
  tags     = ["${REGISTRY}agile-classifier/serving:${VERSION}"]
}

target "tracking" {
  inherits = ["image"]
  target   = "tracking"
  tags     = ["${REGISTRY}agile-classifier/tracking:${VERSION}"]
}
