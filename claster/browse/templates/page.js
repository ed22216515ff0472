"use strict";
const state = document.getElementById("state");
fetch("session.json")
  .then((answer) => answer.json())
  .then((session) => igv.createBrowser(document.getElementById("browser"), session))
  .then((browser) => {
    const shown = browser.findTracks((track) => track.config && track.config.url).length;
    state.textContent = `${shown} tracks. Drag to move, type a place such as chr1:100000-200000 to go there.`;
    state.dataset.tracks = String(shown);
  })
  .catch((error) => {
    state.textContent = `The tracks cannot be shown: ${error.message ?? error}`;
    throw error;
  });
