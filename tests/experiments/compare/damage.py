"""Ways to damage run folders: functions of a folder."""

import json

import pandas as pd


def cut(name, share=0.5):
    def damage(folder):
        path = folder / name
        path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])

    return damage


def lines(name, count):
    def damage(folder):
        text = (folder / name).read_text().splitlines(keepends=True)
        (folder / name).write_text("".join(text[:count]))

    return damage


def change(name, **values):
    def damage(folder):
        content = json.loads((folder / name).read_text())
        content.update(values)
        (folder / name).write_text(json.dumps(content))

    return damage


def column(name, value):
    def damage(folder):
        path = folder / "predictions.csv"
        table = pd.read_csv(path, dtype=str)
        table[name] = table[name].astype(object)
        table.loc[3, name] = value
        table.to_csv(path, index=False)

    return damage
