"""A simulation as a page that a person wants to look at: one HTML file, plots drawn by us as SVG, nothing fetched from anywhere."""
