from tests.finished_run import finished_run

__all__ = ["finished_run"]
