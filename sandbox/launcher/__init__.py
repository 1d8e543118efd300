"""`make run`: the whole service and everything around it on one machine, from one terminal."""
