from tests.finished_run import finished_run, finished_run_folder

__all__ = ["finished_run", "finished_run_folder"]
