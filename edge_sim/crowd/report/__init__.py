"""A crowd's outcome as people want to see it: while it runs, on a terminal, as a page, beside another one."""
