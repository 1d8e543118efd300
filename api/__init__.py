"""The control API: what the platform and operators call. It trades nothing and holds no exchange keys."""
