"""Reports that a person wants to look at: one HTML file each, plots drawn as SVG, nothing fetched from anywhere."""
