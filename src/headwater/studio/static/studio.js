"use strict";
// Every page works without this file. It opens the survey after a while, and takes the reason that
// lies over a picture away when Escape is pressed.

const asked = (dialog) => "asked " + dialog.dataset.user;

function show(dialog) {
  if (dialog.open) dialog.close(); // the server opened it beside the rest, for browsers without this
  sessionStorage.setItem(asked(dialog), "1");
  dialog.showModal();
}

for (const dialog of document.querySelectorAll("dialog")) {
  if (dialog.open) show(dialog);
  const after = Number(dialog.dataset.after);
  if (!after || sessionStorage.getItem(asked(dialog))) continue;
  setTimeout(() => {
    if (!sessionStorage.getItem(asked(dialog)) && !document.querySelector("dialog[open]")) show(dialog);
  }, after * 1000);
}

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-opens]");
  if (opener) {
    event.preventDefault();
    show(document.getElementById(opener.dataset.opens));
  }
  const closer = event.target.closest("[data-closes]");
  if (closer) document.getElementById(closer.dataset.closes).close();
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") document.documentElement.classList.add("hush");
});
for (const kind of ["pointerover", "focusin"]) {
  document.addEventListener(kind, (event) => {
    if (event.target.closest(".item")) document.documentElement.classList.remove("hush");
  });
}
