"""Rule: Python packages for guests.

```starlark
load("@demo_pip//:requirements.bzl", "all_whl_requirements_of")
load("@sandbox_images//tools/wheels:defs.bzl", "guest_wheels")

guest_wheels(
    name = "wheels_x86_64",
    architecture = "x86_64",
    library = "usr/local/lib/python3.13/dist-packages",
    wheels = all_whl_requirements_of("x86_64"),
)
```
"""

load("//tools/wheels/private:guest_wheels.bzl", _GuestWheelsInfo = "GuestWheelsInfo", _guest_wheels = "guest_wheels")

GuestWheelsInfo = _GuestWheelsInfo
guest_wheels = _guest_wheels
