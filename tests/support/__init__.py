"""Tools of the tests; the product never imports them."""
