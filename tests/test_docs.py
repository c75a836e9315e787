"""The pictures of the documents can be drawn again."""

import importlib.util

from PIL import Image

from experiments import ROOT


def test_samples_are_drawn_for_the_readme(tmp_path):
    path = ROOT / "docs" / "figures.py"
    spec = importlib.util.spec_from_file_location("docs_figures", path)
    figures = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(figures)
    for draw in (figures.draw_nvie, figures.draw_sase_fe):
        draw(tmp_path / "sheet.png")
        with Image.open(tmp_path / "sheet.png") as picture:
            assert picture.format == "PNG" and picture.width == 1200
            assert len(picture.convert("RGB").getcolors(1 << 20)) > 50
        assert (tmp_path / "sheet.png").stat().st_size < 400_000
