"""A small sweep: models of scikit-learn, each scored on the digits that come with it."""

from __future__ import annotations

from typing import Any

import nbqueue

#: name -> how the job makes it
MODELS = ("nearest neighbours", "naive Bayes", "decision tree", "logistic regression", "support vectors")
FOLDS = 5


def evaluate(name: str) -> dict[str, Any]:
    """The accuracy of a model by cross-validation.

    Returns:
        model, mean and std of the accuracies (0 to 1) over the folds, and folds.
    """
    from sklearn.datasets import load_digits
    from sklearn.model_selection import StratifiedKFold, cross_val_score

    x, y = load_digits(return_X_y=True)
    scores: list[float] = []
    splits = list(StratifiedKFold(FOLDS).split(x, y))
    for split in nbqueue.track(splits, message=name):
        if nbqueue.should_stop():
            break
        scores += [float(score) for score in cross_val_score(_model(name), x, y, cv=[split])]
        nbqueue.report(accuracy=sum(scores) / len(scores))
    mean = sum(scores) / max(len(scores), 1)
    spread = (sum((score - mean) ** 2 for score in scores) / max(len(scores), 1)) ** 0.5
    return {"model": name, "mean": mean, "std": spread, "folds": len(scores)}


def _model(name: str) -> Any:
    from sklearn.linear_model import LogisticRegression
    from sklearn.naive_bayes import GaussianNB
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC
    from sklearn.tree import DecisionTreeClassifier

    makers: dict[str, Any] = {
        "nearest neighbours": lambda: KNeighborsClassifier(3),
        "naive Bayes": GaussianNB,
        "decision tree": lambda: DecisionTreeClassifier(random_state=0),
        "logistic regression": lambda: make_pipeline(StandardScaler(), LogisticRegression(max_iter=300)),
        "support vectors": lambda: SVC(gamma=0.001),
    }
    return makers[name]()
