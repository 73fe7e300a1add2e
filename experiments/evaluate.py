"""Evaluate a checkpoint of a run on held-out data, against exact optimal transport.

    python -m experiments.evaluate --workdir runs/digits
    python -m experiments.evaluate --workdir runs/digits --step best

Reads only, so it works while training goes on; writes evaluation.json and report.html. The best
step is the one whose debiased W1 on the validation split is lowest; scores are on the test split.
"""

from pathlib import Path

from experiments import cli, pictures
from gan import data, networks, runs
from gan.config import Config
from gan.evaluation import Evaluator
from gan.runs import files


def evaluate(
    workdir: str, step: int | str | None = None, *, data_dir: str | None = None
) -> dict[str, float | int | str]:
    """Score one checkpoint of the run in `workdir`, write evaluation.json and report.html.

    Args:
        workdir: run directory, perhaps of a run that is going on.
        step: number of a kept checkpoint, "best", or None for the newest.
        data_dir: where data sets are, see gan.data.load.

    Returns:
        Scores by name, see gan.evaluation.MEANINGS.

    Raises:
        UserError: if the directory holds no run, or the step is not kept.
        CheckpointError: if the checkpoint is damaged.
    """
    run = runs.read(workdir)
    config = run.config
    step, state = run.read_step(step)
    dataset = data.load(config.data, data_dir=data_dir)
    run.check_data(data.describe(dataset))
    generator = networks.generator(config.generator, config.latent_dim, dataset.shape)
    critic = networks.critic(config.critic, dataset.shape)
    return evaluate_and_report(
        run.path, config, dataset, generator, critic, step, state["average"], state["critic"]
    )


def evaluate_and_report(
    path: Path,
    config: Config,
    dataset,
    generator: networks.Network,
    critic: networks.Network,
    step: int,
    generator_params,
    critic_params,
) -> dict[str, float | int | str]:
    """Test-split scores of the given parameters, kept in `path` with pictures and a report."""
    evaluator = Evaluator(config, dataset, generator, critic, "test")
    scores = {
        "step": step,
        "split": evaluator.split,
        **evaluator(generator_params, critic_params),
        **evaluator.uncertainty(generator_params),
        **evaluator.memorisation(generator_params),
    }
    files.write_json(path / "evaluation.json", scores)
    pictures.save_evaluation(path, dataset, evaluator, generator_params)
    pictures.write_report(path)
    return scores


def define(parser, argv) -> None:
    """The flags of this experiment."""
    del argv
    cli.add_workdir(parser)
    cli.add_data_dir(parser)
    cli.add_step(parser)


def main(arguments) -> None:
    """Evaluate and print the table."""
    scores = evaluate(arguments.workdir, arguments.step, data_dir=arguments.data_dir)
    cli.print_scores(scores)
    print(f"report {arguments.workdir}/report.html")


if __name__ == "__main__":
    cli.run(define, main, __doc__)
