"""How fast the parts are: measured on the machine at hand, compared with what one would use instead."""
