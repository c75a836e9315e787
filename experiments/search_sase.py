"""What `experiments.search` searches in the parametric-bias study, and on whom."""

import keras
import pandas as pd

from experiments import common, parts, sase, sase_report, sase_task, search_space
from experiments.sase_measures import measure as measured
from experiments.search_space import even, log, one_of


def space():
    """Around what the paper has (seeds/002): it gives single values.

    Rates 0.01 for the weights and 0.9 for the PB vectors, online; the authors' code
    has a momentum of 0.9 and takes the context from the grid alone. How often a PB
    vector moves in recognition is not known.
    """
    return {
        "learning_rate": log(0.001, 0.1),
        "pb_rate": log(0.09, 3.0),
        "batch_size": one_of(1, 4, 8, 16),
        "momentum": even(0.0, 0.9, 0.1),
        "steps": log(10, 200),
        "context": one_of("hidden", "grid"),
    }


def trials(run):
    """Reads the data once; see `search_space.Validation`."""
    data = sase.read(run)

    def measure(run, report):
        keras.backend.clear_session()
        every = list(sase.tasks(run, data))
        items = [(task,) for task in every]
        threads = every[0].threads
        results, tables = {}, []
        try:
            found = parts.each(sase_task.work, items, run.spread, threads)
            for place, _ in search_space.in_order(found):
                task = every[place]
                results[task.name] = sase_task.done(task)
                answer = results[task.name].answers["xgboost"]
                told = {"label": task.test.labels, "probability": answer}
                tables.append(pd.DataFrame(told))
                report(search_space.loss(pd.concat(tables)), len(every))
        except ArithmeticError as error:
            raise common.StudyError(f"The training diverged. {error}") from error
        except ValueError as error:
            raise common.StudyError(str(error)) from error
        return measured(sase_report.predictions(data, results), "xgboost")

    return measure


TRIAL = search_space.Validation(
    trials,
    "Validated on the validation people of the hold-out by subject; the study itself "
    "trains on them too. Videos of the test people were not read.",
    "Its people are new to all that was chosen here; the study trains on the "
    "validation people as well.",
    {"validate": True},
)
