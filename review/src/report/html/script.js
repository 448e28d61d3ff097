(function () {
  "use strict";
  var form = document.querySelector(".filters");
  if (!form) { return; }
  form.hidden = false;
  var changes = Array.prototype.slice.call(document.querySelectorAll(".change"));
  function filter() {
    var chosen = {};
    form.querySelectorAll("[name=consequence]").forEach(function (box) { chosen[box.value] = box.checked; });
    var text = form.elements.text.value.toLowerCase();
    var shown = 0;
    changes.forEach(function (change) {
      var fits = chosen[change.dataset.consequence] && change.textContent.toLowerCase().indexOf(text) >= 0;
      change.hidden = !fits;
      if (fits) { shown += 1; }
    });
    form.querySelector("output").textContent = shown + " of " + changes.length + " resources shown";
  }
  form.addEventListener("input", filter);
  form.addEventListener("submit", function (event) { event.preventDefault(); });
  filter();
}());
