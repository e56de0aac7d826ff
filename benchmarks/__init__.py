"""How fast the parts are on the machine at hand, beside what one would use instead."""
