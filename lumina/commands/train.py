"""``lumina fit | validate | test | predict``: Lightning's subcommands."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import Callback, ModelCheckpoint, ModelSummary, ProgressBar
from lightning.pytorch.cli import LightningArgumentParser, LightningCLI, SaveConfigCallback

from lumina.callbacks.data_summary import DataSummary
from lumina.callbacks.evaluation import EvaluationReport
from lumina.callbacks.predictions import PredictionWriter
from lumina.callbacks.progress import Progress
from lumina.callbacks.samples import SampleGrid
from lumina.callbacks.statistics import TrainingStatistics
from lumina.checkpoints.fits import require_fitting
from lumina.config.experiments import find_experiments
from lumina.config.limits import check_trainer
from lumina.config.matmul import MatmulPrecision, choose_matmul_precision
from lumina.config.module_choice import arguments_of_module, names_module
from lumina.config.nulls import refuse_nulls
from lumina.config.parser import ShortErrorParser
from lumina.config.schedule import follow_run, settle_schedule
from lumina.config.seeds import settle_seeds
from lumina.config.stack import stack_configs
from lumina.config.trust import require_classes, shared
from lumina.data.resolve import inherit, store
from lumina.data.workers import loader_failures
from lumina.distributed.atomic_shards import save_shards_atomically
from lumina.distributed.sharded_metadata import check_metadata
from lumina.files.atomic import clear_leftovers
from lumina.interfaces import DataModule
from lumina.module import LuminaModule
from lumina.reports.config import log_config
from lumina.reports.same_run import of_run
from lumina.runs import CONFIG, config_of, run_folder, run_of
from lumina.survival.atomic_checkpoint import AtomicCheckpointIO
from lumina.survival.choose import choose_checkpoint, runs_folder
from lumina.survival.differences import KEY, check_differences, settings, stored_arguments
from lumina.survival.exact_resume import ExactResume
from lumina.survival.graceful_stop import GracefulStop
from lumina.survival.last_state import LastState
from lumina.survival.non_finite import NonFiniteGuard
from lumina.training.module import TrainedModule
from lumina.workarounds.evaluation_step import EvaluationStep
from lumina.workarounds.given_settings import GivenSettings
from lumina.workarounds.model_summary import Summary
from lumina.workarounds.optimizer_names import OptimizerNames
from lumina.workarounds.quiet import silence_lightning
from lumina.workarounds.validation_steps import validate_by_steps
from lumina.workarounds.version_folder import claim_versions

CLI = TypeVar("CLI", bound="LuminaCLI")


class RunConfig(SaveConfigCallback):
    """Saves the resolved YAML in the run's folder; under W&B, Lightning would overwrite that of another run."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        """Lightning passes parser and config."""
        super().__init__(*arguments, **{**options, "save_to_log_dir": False})

    def save_config(self, trainer: Trainer, pl_module: Any, stage: str) -> None:
        """Writes ``config.yaml``, sends it to the dashboards, and prints the run's folder."""
        if stage != "fit":
            return
        folder = run_folder(trainer)
        folder.mkdir(parents=True, exist_ok=True)
        store(pl_module.resolve(pl_module.data), arguments_of_module(self.config.model))
        file, config = folder / CONFIG, self.config.clone()
        follow_run(arguments_of_module(config.model), config.trainer)
        self.parser.save(config, file, skip_none=False, overwrite=True, multifile=False)
        log_config(trainer, file)
        print(f"run {folder}: settings, metrics, checkpoints and samples go there", flush=True)

    def on_save_checkpoint(self, trainer: Trainer, pl_module: Any, checkpoint: dict[str, Any]) -> None:
        """Adds the settings with which a resumed run is compared."""
        checkpoint[KEY] = settings(self.config.as_dict())


class LuminaCLI(LightningCLI):
    """LightningCLI for the module of an experiment, with the callbacks and checks of every run."""

    trainer: Any

    @staticmethod
    def subcommands() -> dict[str, set[str]]:
        """Adds Lightning's subcommands without the option to unpickle checkpoints."""
        return {name: {*skipped, "weights_only"} for name, skipped in LightningCLI.subcommands().items()}

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Adds the options of the whole process."""
        help_ = "products of float32 matrices on a GPU: highest = float32, high = TF32 (faster), medium = bfloat16"
        parser.add_argument("--float32_matmul_precision", type=MatmulPrecision, default="high", help=help_)

    def _parse_ckpt_path(self) -> None:
        """Gives YAML and command line precedence over arguments stored in the checkpoint; warns of differences."""
        if "subcommand" not in self.config:
            return
        config, resumes = self.config[self.config.subcommand], self.config.subcommand == "fit"
        if config.get("ckpt_path"):
            path = choose_checkpoint(config.ckpt_path, runs_folder(config.trainer.as_dict()) if resumes else None)
            config.ckpt_path = None if path is None else str(path)
            if path is not None:
                inherit(arguments_of_module(config.model), stored_arguments(path))
        elif not resumes:
            raise ValueError("an evaluation needs --ckpt_path: a .ckpt file or a run's folder.")

    def _add_subcommands(self, parser: Any, **options: Any) -> None:
        super()._add_subcommands(parser, **options)
        for name, subcommand in self._subcommand_parsers.items():
            subcommand.usage = f"lumina {name} --config YAML [--config OVERLAY ...] [--KEY=VALUE ...]"

    def before_instantiate_classes(self) -> None:
        """Fills in settings that follow from others; refuses contradictions and names that are not classes."""
        require_classes(self.config.get(self.subcommand or "", self.config))
        model, trainer = (self._get(self.config, name) for name in ("model", "trainer"))
        refuse_nulls(model.as_dict(), "model", None if self.subclass_mode_model else LuminaModule)
        refuse_nulls(trainer.as_dict(), "trainer", Trainer)
        arguments = arguments_of_module(model)
        settle_schedule(arguments, trainer)
        data = self._get(self.config, "data")
        refuse_nulls(data.as_dict(), "data")
        settle_seeds(self._get(self.config, "seed_everything"), arguments, data.get("init_args"))
        if checkpoint := self._get(self.config, "ckpt_path"):
            config = {**self.config[self.subcommand].as_dict(), "model": arguments.as_dict()}
            check_differences(Path(checkpoint), config, self.subcommand == "fit")

    def instantiate_trainer(self, **options: Any) -> Trainer:
        """Adds the mandatory parts: atomic checkpoints, graceful stop, NaN guard, reports."""
        given = self._get(self.config_init, "trainer")
        check_trainer(given)
        plugins = given.get("plugins") or []
        options["plugins"] = [*(plugins if isinstance(plugins, list) else [plugins]), AtomicCheckpointIO()]
        if self.subcommand in ("validate", "test", "predict"):
            checkpoint = self._get(self.config, "ckpt_path")
            options["logger"] = of_run(given.get("logger"), run_of(Path(checkpoint)))
            given["callbacks"] = [c for c in given.get("callbacks") or [] if not isinstance(c, ModelCheckpoint)]
            options["enable_checkpointing"] = False
        resuming = [OptimizerNames(), GivenSettings(), ExactResume(), LastState(), GracefulStop()]
        reports = [DataSummary(), EvaluationStep(), TrainingStatistics(), EvaluationReport(), PredictionWriter()]
        reports += _progress(given) + _summary(given)
        self.trainer_defaults["callbacks"] = [*resuming, NonFiniteGuard(), *reports]
        trainer: Trainer = super().instantiate_trainer(**options)
        choose_matmul_precision(self._get(self.config, "float32_matmul_precision"), trainer.strategy.root_device)
        validate_by_steps(trainer)
        save_shards_atomically(trainer)
        return trainer

    def before_fit(self) -> None:
        """Claims the run's own folder, and removes partial files of a killed save from the folder it resumes from."""
        claim_versions(self.trainer)
        checkpoint = self._get(self.config, "ckpt_path")
        if checkpoint and self.trainer.is_global_zero:
            clear_leftovers(Path(checkpoint).parent, ".ckpt")

    def after_fit(self) -> None:
        """Prints the output folder."""
        folder = run_folder(self.trainer)
        checkpoint = getattr(self.trainer.checkpoint_callback, "_last_checkpoint_saved", "")
        lines = {"run": folder, "checkpoint": checkpoint or "none"}
        grids = [callback.name for callback in self.trainer.callbacks if isinstance(callback, SampleGrid)]
        if grids:
            lines["samples"] = ", ".join(str(folder / name) for name in grids)
        if self.trainer.is_global_zero:
            print("\n" + "\n".join(f"  {name:<10}  {place}" for name, place in lines.items()))

    def _prepare_subcommand_kwargs(self, subcommand: str) -> dict[str, Any]:
        """Disables Lightning's table of metrics, which would repeat those of the report."""
        arguments = super()._prepare_subcommand_kwargs(subcommand)
        if given := arguments.pop("ckpt_path", None):
            checkpoint = Path(given)
            require_fitting(checkpoint, self.model, self.trainer)
            if checkpoint.is_dir():
                check_metadata(checkpoint)
            self.trainer.ckpt_path = given  # the module asks for it before Lightning would set it
        # predictions go to files: Lightning would also keep all of them in memory
        quiet = {"test": {"verbose": False}, "predict": {"return_predictions": False}}
        return {**arguments, **quiet.get(subcommand, {}), "weights_only": True}


def main(arguments: list[str]) -> None:
    """Runs one of Lightning's subcommands.

    The exit code is 1 after an evaluation that could not compute all its metrics, or made samples that are no numbers.
    """
    completed, stored = with_run(find_experiments(arguments))
    with shared(stored), loader_failures():
        cli = build(completed, run=True)
    if cli.subcommand != "fit" and (cli.model.not_computed or cli.model.not_finite):
        raise SystemExit(1)


def build(arguments: list[str], run: bool = False) -> LuminaCLI:
    """Module, data and trainer of an experiment.

    Args:
        arguments: options, after a subcommand if it is to run.
        run: whether the subcommand runs.
    """
    return build_as(LuminaCLI, arguments, run)


def build_as(kind: type[CLI], arguments: list[str], run: bool = False) -> CLI:
    """As `build`, with a CLI class that decides which parts are built."""
    silence_lightning()
    words = stack_configs(arguments)
    named = names_module(words)
    return kind(
        TrainedModule if named else LuminaModule,
        DataModule,
        subclass_mode_model=named,
        subclass_mode_data=True,
        seed_everything_default=0,
        auto_configure_optimizers=False,
        parser_class=ShortErrorParser,
        save_config_callback=RunConfig,
        trainer_defaults={"use_distributed_sampler": False, "default_root_dir": "runs"},
        args=words,
        run=run,
    )


def with_run(arguments: list[str]) -> tuple[list[str], Path | None]:
    """Finds a run's stored config where ``--ckpt_path`` is given and no ``--config``.

    Args:
        arguments: subcommand and options.

    Returns:
        The same, with ``--config`` and the newest whole checkpoint of a folder; and the stored config, if that was
        taken.
    """
    position = next((i for i, word in enumerate(arguments) if word.split("=")[0] == "--ckpt_path"), None)
    if position is None:
        return arguments, None
    word = arguments[position]
    joined = "=" in word
    if not joined and position + 1 == len(arguments):
        raise ValueError("--ckpt_path needs a .ckpt file or a run's folder.")
    given = Path(word.split("=", 1)[1] if joined else arguments[position + 1])
    command, *rest = arguments[:position] + arguments[position + (1 if joined else 2) :]
    configured = any(word.split("=")[0] in ("--config", "-c") for word in rest)
    if command == "fit" and (configured or not given.exists()):  # "last" looks where the settings say
        return arguments, None
    path, config = choose_checkpoint(given) or given, None
    if not configured:
        config = config_of(path)
        rest = ["--config", str(config), *rest]
    return [command, *rest, "--ckpt_path", str(path)], config


def _summary(given: Any) -> list[Callback]:
    """The model summary without FLOPs, unless the experiment configures or disables a summary."""
    own = any(isinstance(callback, ModelSummary) for callback in given.get("callbacks") or [])
    wanted = given.get("enable_model_summary") is not False and not given.get("barebones")
    given["enable_model_summary"] = False
    return [Summary()] if wanted and not own else []


def _progress(given: Any) -> list[Callback]:
    """The `Progress` bar, unless the experiment configures or disables a bar."""
    own = any(isinstance(callback, ProgressBar) for callback in given.get("callbacks") or [])
    return [] if own or given.get("enable_progress_bar") is False else [Progress()]
