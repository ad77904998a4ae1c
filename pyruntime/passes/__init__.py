"""Graph to better graph.  One file per pass; pipeline.py has the order and the reasons."""
