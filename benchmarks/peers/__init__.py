"""One file for each library, imported only in that library's own environment.

Each gives what it can of this, and `worker.py` times the parts:

    Run(task, how, world)    the library's own data structures, made from the arrays of ``world``
      .fit()                 seconds of each epoch, as the library's own hook tells them; [] if none
      .recommend(k)          (U, k) dense item indices, best first, nothing of the training part
      .evaluate(k)           rank every item for every user with something held out, and judge:
                             metric -> mean; missing where the library has no evaluation
      .save(folder)
    first(task, folder, user, k)    k items for one user, from what ``save`` left
    Metrics(lists, scores, test, k).compute()    metric -> mean, for lists that are there already

``how`` holds the task's hyper-parameters and ``threads``. A file has the name of what it imports;
absolute imports find the library, since this folder is never on the path itself.
"""
