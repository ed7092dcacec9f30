// What nbgrader's pages lack, with the means that they have for it.

// A table of a thousand rows is laid out once, when it is whole, not ten times while it is made.
(function () {
  var insert = window.insertDataTable;
  if (!insert || !$.fn.dataTable) return;
  $.extend($.fn.dataTable.defaults, {autoWidth: false});
  window.insertDataTable = function (table) {
    var style = table[0].style;
    style.display = "none";
    insert(table);
    style.display = "";
  };
})();

// A refusal of the server is shown, not swallowed.
$(document).ajaxError(function (event, response) {
  var told = response.responseText && response.responseText.length < 500 ? response.responseText : "";
  var bar = $("#practicum-refusal");
  if (!bar.length) {
    bar = $("<div/>").attr({id: "practicum-refusal", role: "alert"}).addClass("alert alert-danger").css({
      position: "fixed", bottom: "1em", left: "50%", transform: "translateX(-50%)", zIndex: 2000, maxWidth: "90%"
    }).appendTo("body");
  }
  bar.text(told || "The server answered " + response.status + ". Load the page again.").show();
});
$(document).ajaxSuccess(function () { $("#practicum-refusal").hide(); });
