"""An engine that is somebody's own: its tracing package, its tap, its address."""
