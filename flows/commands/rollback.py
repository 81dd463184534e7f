"""`mgm rollback`: back to the champion before."""


def rollback() -> None:
    """Make the champion before the present one the champion again."""
    from flows import lock, promotion

    with lock.workspace():
        print(promotion.rollback())
