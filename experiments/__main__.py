"""List the studies: what each is, its paper, its data and the command that runs it."""

from experiments import STUDIES, load_study

if __name__ == "__main__":
    for name in STUDIES:
        study = load_study(name)
        print(f"python -m experiments.{name}")
        print(f"    {study.model}; {study.paper.short}, {study.paper.title}")
        print(f"    Data: {study.dataset.name}, {study.dataset.getting}")
    print(
        "\nOptions of a study: --help. All of them: python -m experiments.all; runs "
        "side by side:\nexperiments.compare; better settings: experiments.search"
    )
