"""A recognition model as one file; that it computes the same is tested on a trained one."""

import pytest


def test_generative_models_are_no_programs(tiny_run, run_in, capsys):
    with pytest.raises(SystemExit):
        run_in("convert", tiny_run, "out", "--to=program")
    assert "--to program writes recognition models; the objective FlowMatching" in capsys.readouterr().err
