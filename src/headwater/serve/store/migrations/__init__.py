"""How the tables of the event store came to be, step by step; `Store.upgrade` walks them."""
