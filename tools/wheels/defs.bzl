"""Rule: Python packages for guests."""

load("//tools/wheels/private:guest_wheels.bzl", _GuestWheelsInfo = "GuestWheelsInfo", _guest_wheels = "guest_wheels")

GuestWheelsInfo = _GuestWheelsInfo
guest_wheels = _guest_wheels
