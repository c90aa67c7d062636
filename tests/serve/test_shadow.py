"""What is asked behind the back of people."""

from threading import Thread
from time import sleep
from types import SimpleNamespace

from headwater.serve import shadow
from headwater.serve.answers import Answer, Shown, Strip


def strips(model, *items):
    shown = tuple(Shown(each, each, 1.0, "", "") for each in items)
    return (Strip("For you", Answer("t", model, shown)),)


def test_there_is_one_however_many_ask_first(monkeypatch):
    made = []

    class Late(Thread):
        def __init__(self, **how):
            made.append(self)
            sleep(0.02)  # in which the others ask
            super().__init__(**how)

    monkeypatch.setattr(shadow, "Thread", Late)
    one = shadow.Shadow()
    reply = SimpleNamespace(strips=strips("old", "a", "c"), seconds=0.5)
    asking = [Thread(target=one.ask, args=(lambda: strips("new", "a"), reply)) for _ in range(6)]
    for each in asking:
        each.start()
    for each in asking:
        each.join()
    one.close()
    assert len(made) == 1
    found = one.as_dict()
    assert (found["model"], found["overlap"]) == ("new", 0.5)
    assert found["asked"] + found["passed"] <= 6
