"""A logger of somebody's own: a file of comma-separated values that is made anew at every start."""

import contextlib

from gan.runs.loggers import Logger


@contextlib.contextmanager
def lines(start):
    """step,name,value of every record, in RUN/log.csv."""
    with open(start.path / "log.csv", "w", encoding="utf-8") as file:
        file.write(f"# {start.config['data.name']}, continued after step {start.step}\n")

        def write(record):
            for name, value in record.items():
                if name != "step":
                    file.write(f"{record['step']},{name},{value!r}\n")
            file.flush()

        for record in start.records:
            write(record)
        yield write


csv = Logger(help="comma-separated values, in RUN/log.csv", open=lines)
needy = Logger(help="one that cannot work", open=lines, package="no_such_package", extra="needy")
