"""`mgm tables optimize`: fewer and larger files."""


def optimize() -> None:
    """Put the small files of each night together and write a checkpoint of both tables.

    Rows, revisions and lineage stay as they are. It may run beside nights: one that commits at the same time tries again.
    """
    from flows.tables import compact_tables

    print(*compact_tables(), sep="\n")
