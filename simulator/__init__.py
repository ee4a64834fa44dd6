"""A synthetic Daqing behind real source systems; nothing else in the product imports it."""
