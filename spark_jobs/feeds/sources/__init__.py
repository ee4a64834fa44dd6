"""How bytes come from a source into landing: one module a source type. They parse nothing."""
