"""Repository rule: the packages of one requirements.txt, for BUILD files."""

load(":lock.bzl", "package_of")

_REQUIREMENTS = """\
\"\"\"Labels of the packages of {name}.\"\"\"

_REPOSITORIES = {repositories}

def _package(name):
    return "_".join([part for part in name.lower().replace("-", "_").replace(".", "_").split("_") if part])

def requirement(name):
    \"\"\"Return the label of a package's modules.\"\"\"
    return str(Label("//{{}}:pkg".format(_package(name))))

def whl_requirement(name):
    \"\"\"Return the label of a package's wheel.\"\"\"
    return str(Label("//{{}}:whl".format(_package(name))))

def dist_info_requirement(name):
    \"\"\"Return the label of the metadata in a package's wheel.\"\"\"
    return str(Label("//{{}}:dist_info".format(_package(name))))

def file_requirement(name, architecture, path):
    \"\"\"Return the label of a file of a package: for repository rules, which have no platform.\"\"\"
    return str(Label("@{{}}//:site-packages/{{}}".format(_REPOSITORIES[_package(name)][architecture], path)))

def all_whl_requirements_of(architecture):
    \"\"\"Return the labels of all wheels for one architecture.\"\"\"
    return [
        str(Label("@{{}}//:whl".format(repositories[architecture])))
        for repositories in _REPOSITORIES.values()
        if architecture in repositories
    ]

all_requirements = [requirement(name) for name in _REPOSITORIES]

all_whl_requirements = [whl_requirement(name) for name in _REPOSITORIES]
"""

_TARGETS = ["pkg", "whl", "dist_info"]

def _actual(repositories, target):
    labels = {architecture: "@{}//:{}".format(repository, target) for architecture, repository in repositories.items()}
    if len({label: None for label in labels.values()}) == 1 and len(labels) > 1:
        return repr(labels.values()[0])
    return "select({})".format(repr({"@platforms//cpu:" + architecture: label for architecture, label in labels.items()}))

def _python_hub_impl(rctx):
    packages = json.decode(rctx.attr.packages)
    rctx.file("BUILD.bazel", "exports_files([\"requirements.bzl\"])\n")
    rctx.file("requirements.bzl", _REQUIREMENTS.format(
        name = rctx.attr.title,
        repositories = json.encode_indent(packages, indent = "    "),
    ))
    for package, repositories in packages.items():
        lines = ["package(default_visibility = [\"//visibility:public\"])"]
        lines += [
            "alias(name = {}, actual = {})".format(repr(target), _actual(repositories, target))
            for target in _TARGETS
        ]
        lines.append("alias(name = {}, actual = \":pkg\")".format(repr(package_of(package))))
        rctx.file(package + "/BUILD.bazel", "\n\n".join(lines) + "\n")

python_hub = repository_rule(
    doc = "`requirements.bzl` has `requirement` and similar functions; `//PACKAGE:pkg` and `//PACKAGE:whl` are the targets.",
    implementation = _python_hub_impl,
    attrs = {
        "packages": attr.string(doc = "JSON: dict from package to a dict from architecture to repository.", mandatory = True),
        "title": attr.string(doc = "Name of the request.", mandatory = True),
    },
)
