"""How fast each part is, beside a peer or the machine's own limit, measured in turns."""
