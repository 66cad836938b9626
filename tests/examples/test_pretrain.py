"""The example app: the training is right, and its Python and its YAML spelling are one and the same run."""

from __future__ import annotations

import csv
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import fiddle as fdl
import hydra
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.image import imread
from omegaconf import DictConfig

import fiddle_hydra_bridge as fhb
from examples.pretrain import demo, recipes
from examples.pretrain.checkpoint import CheckpointError, Resume, TrainingState, load_checkpoint, save_checkpoint
from examples.pretrain.data import TextDataModule
from examples.pretrain.layers import cross_entropy, rotary, self_attention
from examples.pretrain.logger import Logger
from examples.pretrain.model import Llama3Config, LlamaModel
from examples.pretrain.optim import SGD, Adam, CosineAnnealing, Optimizer
from examples.pretrain.tokenizer import CharTokenizer
from examples.pretrain.trainer import Trainer, pretrain

ROOT = Path(__file__).resolve().parents[2]
TINY = Llama3Config(seq_length=16, hidden=16, ffn_hidden=24, num_layers=2, num_attention_heads=2)
SCHEDULE = CosineAnnealing(max_steps=20, warmup_steps=4, min_lr=1e-3)
OPTIMIZERS: dict[str, Optimizer] = {"adam": Adam(1e-2, SCHEDULE), "sgd": SGD(0.3, SCHEDULE)}


def train(log_dir: Path, steps: int, optim: str = "adam", resume: Path | None = None) -> tuple[list[float], LlamaModel]:
    tokenizer = CharTokenizer()
    model = LlamaModel(TINY, tokenizer)
    losses = pretrain(
        model=model,
        trainer=Trainer(steps),
        data=TextDataModule(tokenizer, seq_length=16, batch_size=4),
        log=Logger(str(log_dir)),
        optim=OPTIMIZERS[optim],
        resume=Resume(None if resume is None else str(resume)),
    )
    return losses, model


def compose(log_dir: Path, *overrides: str) -> DictConfig:
    return demo.compose(f"log.log_dir={log_dir}", *overrides)


# ----------------------------------------------------------------------------------------------- text and batches


@given(st.text(st.sampled_from("\n" + "".join(map(chr, range(32, 127))))))
def test_tokenizer_decodes_what_it_encodes(text: str) -> None:
    assert CharTokenizer().decode(CharTokenizer().encode(text)) == text


def test_tokenizer_gives_all_other_characters_one_token() -> None:
    tokenizer = CharTokenizer()
    assert tokenizer.decode(tokenizer.encode("ß→a")) == "��a"
    assert max(tokenizer.encode("ß→a")) == tokenizer.vocab_size - 1


def test_batch_has_the_following_tokens_as_labels() -> None:
    tokens, labels = TextDataModule(CharTokenizer(), seq_length=8, batch_size=3).batch(0)
    assert tokens.shape == labels.shape == (3, 8)
    assert np.array_equal(tokens[:, 1:], labels[:, :-1])
    assert not np.array_equal(tokens[0], tokens[1])


def test_batch_depends_on_seed_and_step_alone() -> None:
    first, second, other = (TextDataModule(CharTokenizer(), seed=seed) for seed in (1, 1, 2))
    first.batch(6)
    assert np.array_equal(first.batch(7), second.batch(7))
    assert not np.array_equal(first.batch(7), first.batch(8))
    assert not np.array_equal(first.batch(7), other.batch(7))


# --------------------------------------------------------------------------------------------- model and optimizer


@pytest.mark.parametrize("name", LlamaModel(TINY, CharTokenizer()).params)
def test_gradient_agrees_with_finite_differences(name: str) -> None:
    model = LlamaModel(TINY, CharTokenizer())
    model.params = {key: param.astype(np.float64) for key, param in model.params.items()}
    random = np.random.default_rng(1)
    tokens, labels = random.integers(0, model.tokenizer.vocab_size, size=(2, 3, TINY.seq_length))
    _, grads = model.loss_and_grads(tokens, labels)
    start, direction, epsilon = model.params[name], random.standard_normal(model.params[name].shape), 1e-5

    def loss(distance: float) -> float:
        model.params[name] = start + distance * direction
        return model.loss_and_grads(tokens, labels)[0]

    assert (loss(epsilon) - loss(-epsilon)) / (2 * epsilon) == pytest.approx(np.vdot(grads[name], direction), rel=1e-6)


def test_attention_does_not_look_ahead() -> None:
    random = np.random.default_rng(2)
    x, qkv, proj = random.standard_normal((8, 16)), random.standard_normal((16, 48)), random.standard_normal((16, 16))
    out, _ = self_attention(x, qkv, proj, num_heads=2, rope=rotary(8, 8, 10_000.0))
    x[5:] += 1
    changed, _ = self_attention(x, qkv, proj, num_heads=2, rope=rotary(8, 8, 10_000.0))
    assert np.array_equal(out[:5], changed[:5])
    assert not np.any(np.all(out[5:] == changed[5:], axis=-1))


def test_loss_of_even_predictions_is_the_logarithm_of_the_vocabulary() -> None:
    loss, _ = cross_entropy(np.zeros((3, 10)), np.array([0, 4, 9]))
    assert loss == pytest.approx(math.log(10))


def test_parameters_and_gradients_are_float32() -> None:
    model = LlamaModel(TINY, CharTokenizer())
    _, grads = model.loss_and_grads(np.zeros((1, 4), np.int64), np.zeros((1, 4), np.int64))
    assert {array.dtype for array in (*model.params.values(), *grads.values())} == {np.dtype(np.float32)}
    assert {name: grad.shape for name, grad in grads.items()} == {k: v.shape for k, v in model.params.items()}


@pytest.mark.parametrize(
    ("step", "lr"),
    [
        pytest.param(0, 0.25, id="first warm-up step"),
        pytest.param(3, 1.0, id="last warm-up step"),
        pytest.param(4, 1.0, id="top"),
        pytest.param(12, 0.5005, id="half way down"),
        pytest.param(20, 0.001, id="end"),
        pytest.param(999, 0.001, id="after the end"),
    ],
)
def test_schedule_warms_up_and_anneals(step: int, lr: float) -> None:
    assert SCHEDULE.lr(step, max_lr=1.0) == pytest.approx(lr)


# -------------------------------------------------------------------------------------------------------- training


@pytest.mark.parametrize("optim", OPTIMIZERS)
def test_training_learns_and_repeats_bit_by_bit(optim: str, tmp_path: Path) -> None:
    losses, model = train(tmp_path / "a", 20, optim)
    again, _ = train(tmp_path / "b", 20, optim)
    assert losses == again
    assert losses[0] == pytest.approx(math.log(model.tokenizer.vocab_size), abs=0.2)
    assert losses[-1] < losses[0] - 0.5


@pytest.mark.parametrize("optim", OPTIMIZERS)
def test_resumed_run_equals_the_unbroken_one(optim: str, tmp_path: Path) -> None:
    unbroken, model = train(tmp_path / "unbroken", 20, optim)
    train(tmp_path / "first", 10, optim)
    resumed, resumed_model = train(tmp_path / "second", 20, optim, resume=tmp_path / "first" / "checkpoint.npz")
    assert resumed == unbroken
    assert all(np.array_equal(resumed_model.params[name], param) for name, param in model.params.items())
    assert (tmp_path / "second/loss.csv").read_text() == (tmp_path / "unbroken/loss.csv").read_text()


def test_logger_writes_the_curve_and_the_checkpoint(tmp_path: Path) -> None:
    losses, model = train(tmp_path / "new/dir", 5)
    assert sorted(os.listdir(tmp_path / "new/dir")) == ["checkpoint.npz", "loss.csv", "loss.png"]
    with (tmp_path / "new/dir/loss.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["step"]) for row in rows] == [1, 2, 3, 4, 5]
    assert [float(row["loss"]) for row in rows] == losses
    assert float(rows[0]["lr"]) == SCHEDULE.lr(0, 1e-2)
    image = imread(tmp_path / "new/dir/loss.png")
    assert image.shape == (480, 840, 4)
    assert image.min() < image.max()
    state = load_checkpoint(tmp_path / "new/dir/checkpoint.npz")
    assert [loss for loss, _ in state.history] == losses
    assert all(np.array_equal(state.params[name], param) for name, param in model.params.items())


def test_generation_continues_the_prompt_and_repeats() -> None:
    model = LlamaModel(TINY, CharTokenizer())
    text = model.generate("The ", length=30, seed=3)
    assert text.startswith("The ")
    assert len(text) == 34
    assert model.generate("The ", length=30, seed=3) == text
    assert model.generate("The ", length=30, seed=4) != text


@pytest.mark.parametrize(
    ("call", "message"),
    [
        pytest.param(lambda: Llama3Config(hidden=30), "hidden (30) must be a multiple", id="heads of odd size"),
        pytest.param(lambda: TextDataModule(CharTokenizer(), batch_size=0), "batch_size (0)", id="empty batches"),
        pytest.param(lambda: Trainer(0), "max_steps (0) must be positive", id="no steps"),
    ],
)
def test_wrong_values_are_refused(call: Any, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        call()
    assert message in str(caught.value)


def test_data_longer_than_the_model_takes_is_refused(tmp_path: Path) -> None:
    recipe = recipes.pretrain(log_dir=str(tmp_path))
    recipe.data.seq_length = 65
    with pytest.raises(ValueError, match=r"data.seq_length \(65\) exceeds the model's \(64\)"):
        fhb.build(recipe)()


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_training_that_diverges_says_so(tmp_path: Path) -> None:
    recipe = recipes.pretrain(log_dir=str(tmp_path), max_steps=20)
    recipe.optim.max_lr = 1e30
    with pytest.raises(FloatingPointError, match=r"try a smaller optim\.max_lr"):
        fhb.build(recipe)()


# ----------------------------------------------------------------------------------------------------- checkpoints


def save_tiny(path: Path) -> None:
    model = LlamaModel(TINY, CharTokenizer())
    save_checkpoint(TrainingState(model.params, OPTIMIZERS["adam"].init_state(model.params), [(4.5, 0.1)]), path)


def test_failed_save_leaves_the_old_checkpoint_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.npz"
    save_tiny(path)
    old = path.read_bytes()
    unsavable = TrainingState({"good": np.zeros(9), "bad": np.array([object()])}, {}, [])
    with pytest.raises(ValueError, match="allow_pickle"):
        save_checkpoint(unsavable, path)
    assert path.read_bytes() == old
    assert os.listdir(tmp_path) == ["checkpoint.npz"]


def flip_byte(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 0xFF]) + content[middle + 1 :]


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda content: b"", id="empty"),
        pytest.param(lambda content: content[:3], id="cut off in the signature"),
        pytest.param(lambda content: content[: len(content) // 2], id="cut off in the middle"),
        pytest.param(lambda content: content[:-1], id="cut off at the end"),
        pytest.param(flip_byte, id="one byte changed"),
        pytest.param(lambda content: b"step,loss\n1,4.5\n", id="text"),
        pytest.param(lambda content: b"\x80\x04K\x01.", id="pickle"),
        pytest.param(lambda content: b"PK\x05\x06" + bytes(18), id="archive without arrays"),
    ],
)
def test_damaged_checkpoint_is_refused_by_name(damage: Any, tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.npz"
    save_tiny(path)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(CheckpointError, match=r"checkpoint\.npz is not a whole checkpoint"):
        train(tmp_path, 2, resume=path)


def test_single_array_is_not_a_checkpoint(tmp_path: Path) -> None:
    np.save(tmp_path / "array.npy", np.zeros(3))
    with pytest.raises(CheckpointError, match="is not a whole checkpoint"):
        load_checkpoint(tmp_path / "array.npy")


def test_missing_checkpoint_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"none\.npz"):
        train(tmp_path, 2, resume=tmp_path / "none.npz")


def test_checkpoint_of_another_run_is_refused_with_the_differences(tmp_path: Path) -> None:
    save_tiny(tmp_path / "checkpoint.npz")
    with pytest.raises(CheckpointError, match="from another optimizer: embedding is missing, not"):
        train(tmp_path, 2, "sgd", resume=tmp_path / "checkpoint.npz")
    other = LlamaModel(Llama3Config(hidden=8, ffn_hidden=24, num_layers=2), CharTokenizer())
    with pytest.raises(CheckpointError, match=r"from another model: embedding is \(97, 16\), not \(97, 8\); .*…"):
        Resume(str(tmp_path / "checkpoint.npz")).start(other, OPTIMIZERS["adam"])


# --------------------------------------------------------------------------------------------- one run, two spellings


def compose_recipe(log_dir: Path, *overrides: str) -> DictConfig:
    """Composes the recipe as ``python_app`` does."""
    with hydra.initialize_config_dir(os.path.abspath("fiddle://examples.pretrain.recipes"), version_base=None):
        return hydra.compose("pretrain", overrides=[f"log.log_dir={log_dir}", *overrides])


@pytest.mark.parametrize(
    ("overrides", "arguments"),
    [
        pytest.param([], {}, id="defaults"),
        pytest.param(["model=llama3_small"], {"model": recipes.llama3_small}, id="another model"),
        pytest.param(["model=llama3_wide"], {"model": recipes.llama3_wide}, id="a model in Python only"),
        pytest.param(["optim=sgd"], {"optim": recipes.sgd}, id="another class"),
        pytest.param(["optim=adam_slow", "data=topics"], {"optim": recipes.adam_slow}, id="two"),
        pytest.param(["trainer.max_steps=50"], {"max_steps": 50}, id="a value"),
    ],
)
def test_choices_in_yaml_and_of_the_recipe_are_its_arguments(
    overrides: list[str], arguments: dict[str, Any], tmp_path: Path
) -> None:
    recipe = fhb.resolve(recipes.pretrain(log_dir=str(tmp_path), **arguments))
    assert fhb.same_graph(fhb.from_hydra(compose(tmp_path, *overrides), share=True), recipe)
    assert fhb.same_graph(fhb.from_hydra(compose_recipe(tmp_path, *overrides)), recipe)


@pytest.mark.parametrize(
    "overrides",
    [
        pytest.param(["model.config.hidden=64", "optim.max_lr=1e-3"], id="values"),
        pytest.param(["model.config.seq_length=32", "trainer.max_steps=7"], id="values that others follow"),
        pytest.param(["+experiment=quick"], id="an experiment"),
        pytest.param(["+experiment=wide"], id="an experiment with choices"),
        pytest.param(["model=llama3_small", "++model.config.num_layers=1", "~resume"], id="a choice, changed"),
    ],
)
def test_the_recipe_has_the_command_line_of_the_yaml(overrides: list[str], tmp_path: Path) -> None:
    by_recipe = compose_recipe(tmp_path, *overrides, f"hydra.searchpath=[file://{ROOT / 'conf'}]")
    by_yaml = fhb.from_hydra(compose(tmp_path, *overrides), share=True)
    assert fhb.same_graph(fhb.from_hydra(by_recipe), by_yaml)


def test_the_recipes_mean_the_same_on_the_command_line_as_in_python() -> None:
    fhb.check_recipes(recipes)


def test_recipe_survives_yaml(tmp_path: Path) -> None:
    recipe = recipes.pretrain(log_dir=str(tmp_path))
    assert fhb.same_graph(fhb.from_yaml(fhb.to_yaml(recipe), links="keep"), recipe)


def test_fiddle_and_plain_hydra_build_the_recipe_alike_with_one_tokenizer(tmp_path: Path) -> None:
    recipe = recipes.pretrain(log_dir=str(tmp_path))
    by_fiddle, by_hydra = fhb.build(recipe), hydra.utils.instantiate(fhb.to_hydra(recipe))
    assert fhb.equivalent(by_fiddle, by_hydra)
    assert by_fiddle.keywords["model"].tokenizer is by_fiddle.keywords["data"].tokenizer
    assert by_hydra.keywords["model"].tokenizer is by_hydra.keywords["data"].tokenizer


def test_conf_shares_its_tokenizer_only_when_asked(tmp_path: Path) -> None:
    config = compose(tmp_path)
    plain, copied = hydra.utils.instantiate(config), fhb.instantiate(config)
    shared = fhb.instantiate(config, _share_=True)
    assert plain.keywords["model"].tokenizer is not plain.keywords["data"].tokenizer
    assert fhb.equivalent(copied, plain)
    assert shared.keywords["model"].tokenizer is shared.keywords["data"].tokenizer


def test_conf_and_recipe_give_the_same_losses(tmp_path: Path) -> None:
    recipe = recipes.pretrain(log_dir=str(tmp_path), max_steps=3)
    losses = fhb.build(recipe)()
    config = compose(tmp_path, "trainer.max_steps=3")
    assert hydra.utils.instantiate(config)() == losses
    assert fhb.instantiate(config, _share_=True)() == losses
    assert fdl.build(fhb.from_hydra(config, share=True))() == losses


def run_app(directory: Path, app: str, *overrides: str) -> str:
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, "-m", f"examples.pretrain.{app}", "hydra.run.dir=out", *overrides]
    environment = os.environ | {"PYTHONPATH": path}
    done = subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("app", "options"),
    [
        pytest.param("app", ["+experiment=quick"], id="in YAML"),
        pytest.param("python_app", ["optim.lr_scheduler.warmup_steps=5"], id="in Python"),
    ],
)
def test_app_trains_with_overrides(app: str, options: list[str], tmp_path: Path) -> None:
    out = run_app(tmp_path, app, *options, "model.config.hidden=64", "optim.max_lr=1e-3", "trainer.max_steps=3")
    assert "first loss 4." in out
    assert {"checkpoint.npz", "loss.csv", "loss.png", ".hydra"} <= set(os.listdir(tmp_path / "out"))
    state = load_checkpoint(tmp_path / "out/checkpoint.npz")
    assert state.params["embedding"].shape == (97, 64)
    assert [lr for _, lr in state.history] == pytest.approx([2e-4, 4e-4, 6e-4])


def test_demo_shows_every_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    demo.main(max_steps=3)
    out = capsys.readouterr().out
    assert "_target_: fiddle_hydra_bridge.share" in out
    assert "model.config.hidden: int = 48" in out
    assert out.count(": True") == 5
    assert "last loss" in out
    assert (tmp_path / "outputs/demo/loss.png").exists()
