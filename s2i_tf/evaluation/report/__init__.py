"""How an evaluation is shown: the page, its figures and charts, and the terminal."""
