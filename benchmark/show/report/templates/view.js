// Lay map, truth and contour over the images of a gallery as its controls say.
for (const gallery of document.querySelectorAll(".overlay")) {
  const controls = gallery.querySelector(".controls");
  controls.hidden = false;
  const apply = () => {
    for (const input of controls.querySelectorAll("input"))
      for (const layer of gallery.querySelectorAll(`svg .${input.name}`))
        if (input.type === "range") layer.style.opacity = input.value / 100;
        else layer.style.display = input.checked ? "" : "none";
  };
  controls.addEventListener("input", apply);
  apply();
}
// Enlarge a picture in a window of its own, which scrolls.
const dialog = document.createElement("dialog");
dialog.className = "zoom";
dialog.setAttribute("aria-label", "Enlarged picture");
dialog.innerHTML =
  '<form method="dialog"><label>Zoom <input type="range" min="100" max="800" step="25" value="100"></label>' +
  '<button>Close</button></form><div class="pane" tabindex="0" role="region" aria-label="Picture"><div></div></div>';
const [zoomed, zoom] = [dialog.querySelector(".pane > div"), dialog.querySelector("input")];
zoom.addEventListener("input", () => {
  const pane = zoomed.parentElement;
  const middle = (pane.scrollLeft + pane.clientWidth / 2) / zoomed.offsetWidth;
  const height = (pane.scrollTop + pane.clientHeight / 2) / zoomed.offsetHeight;
  zoomed.style.width = `${zoom.value}%`;
  pane.scrollTo(middle * zoomed.offsetWidth - pane.clientWidth / 2, height * zoomed.offsetHeight - pane.clientHeight / 2);
});
const enlarge = (picture) => {
  if (!dialog.isConnected) document.body.append(dialog);
  zoomed.replaceChildren(picture.cloneNode(true));
  zoomed.className = picture.closest("figure").className;
  zoom.value = 100;
  zoomed.style.width = "100%";
  dialog.showModal();
};
document.addEventListener("click", (event) => {
  const figure = event.target.closest("main figure");
  const picture = figure?.querySelector("img, svg");
  if (picture && event.target.closest("img, svg, .enlarge")) enlarge(picture);
});
const offerEnlarging = (figure) => {
  const picture = figure.querySelector("img, svg");
  if (!picture || figure.querySelector(".enlarge")) return;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "enlarge";
  button.textContent = "Enlarge";
  const name = picture.getAttribute("alt") ?? picture.getAttribute("aria-label");
  button.setAttribute("aria-label", `Enlarge: ${name}`);
  figure.append(button);
};
const offerAll = () => document.querySelectorAll("main figure").forEach(offerEnlarging);
offerAll();
for (const changing of document.querySelectorAll(".plots"))
  new MutationObserver(offerAll).observe(changing, { childList: true });
// What is folded is printed, too.
addEventListener("beforeprint", () => {
  for (const folded of document.querySelectorAll("main details:not([open], .code)")) {
    folded.open = true;
    folded.dataset.folded = "";
  }
});
addEventListener("afterprint", () => {
  for (const folded of document.querySelectorAll("details[data-folded]")) {
    folded.open = false;
    delete folded.dataset.folded;
  }
});
// What scrolls in a notebook can be reached by keyboard; pictures may come only later.
for (const output of document.querySelectorAll(".notebook .output_subarea, .notebook .output, .notebook pre"))
  if (output.scrollWidth > output.clientWidth || output.querySelector("img")) output.tabIndex = 0;
// Say where there is more than is seen.
for (const scroll of document.querySelectorAll("main .scroll")) {
  const hint = document.createElement("span");
  hint.className = "hint";
  hint.setAttribute("aria-hidden", "true");
  hint.textContent = "scroll for more \u2192";
  scroll.after(hint);
  const update = () => {
    hint.hidden = scroll.scrollLeft + scroll.clientWidth >= scroll.scrollWidth - 4;
  };
  scroll.addEventListener("scroll", update, { passive: true });
  new ResizeObserver(update).observe(scroll);
}
