"""The database's history: one file in versions/ for every change of controller/tables.py.

To write the next one, with a database at head:

    alembic -c migrations/alembic.ini -x url=sqlite:///lab.sqlite3 revision --autogenerate -m "..."
"""
