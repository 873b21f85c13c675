"""JSON as the broker writes it: without spaces."""

import json

compact = json.JSONEncoder(separators=(",", ":")).encode
