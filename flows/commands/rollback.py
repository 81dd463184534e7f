"""`mgm rollback`: back to the champion before."""


def rollback() -> None:
    """Make the previous champion the champion again."""
    from flows import lock, promotion

    with lock.workspace():
        print(promotion.rollback())
