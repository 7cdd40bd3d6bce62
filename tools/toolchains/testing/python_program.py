"""Print how it was started, as JSON."""

import json
import os
import sys

import absl

print(
    json.dumps(
        {
            "arguments": sys.argv[1:],
            "dependency": absl.__file__,
            "directory": os.getcwd(),
            "interpreter": sys.executable,
            "path": sys.path,
            "runfiles": {name: value for name, value in os.environ.items() if name.startswith("RUNFILES_")},
        }
    )
)
