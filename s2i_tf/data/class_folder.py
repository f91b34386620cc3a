"""The names in a folder by class: `sounds/CLASS/FILE`, `images/CLASS/FILE` and `index.csv`."""

INDEX_FILE = "index.csv"
KIND_FOLDERS = {"sound": "sounds", "image": "images"}
