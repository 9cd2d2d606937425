// The launcher's pages work without this script: it sends large files in parts, and follows a run without reloading.
"use strict";

const PAUSE = 2000;

function say(place, words) {
  if (place && place.textContent !== words) place.textContent = words;
}

async function post(address, body, type) {
  const answer = await fetch(address, { method: "POST", headers: { "content-type": type, accept: "application/json" }, body });
  const told = await answer.json().catch(() => ({ message: `the launcher answered ${answer.status}` }));
  if (!answer.ok) throw new Error(told.message);
  return told;
}

async function bring(file, form, show) {
  const size = Number(form.dataset.part) / 4;
  const begun = await post("/files", JSON.stringify({ name: file.name, size: file.size }), "application/json");
  for (let at = 0; at < file.size; at += size) {
    await post(`/files/${begun.id}/parts?offset=${at}`, file.slice(at, at + size), "application/octet-stream");
    show(Math.min(100, Math.round((100 * (at + size)) / file.size)));
  }
  return begun.id;
}

function followUpload(form) {
  const state = document.getElementById("upload-state");
  const bar = form.querySelector("progress");
  const button = form.querySelector("button");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const file = form.querySelector("input[type=file]").files[0];
    const largest = Number(form.dataset.largest);
    state.classList.remove("error");
    if (file.size > largest) return refuse(`${file.name} has ${(file.size / 1e6).toFixed(1)} MB; at most ${largest / 1e6} MB are taken.`);
    button.disabled = true;
    bar.parentElement.hidden = false;
    say(state, "Sending the file.");
    try {
      const id = await bring(file, form, (percent) => { bar.value = percent; });
      say(state, "The file is here and is being read. A large one takes a minute.");
      location.assign(`/files/${id}`);
    } catch (error) {
      refuse(error.message);
    }
  });
  function refuse(words) {
    button.disabled = false;
    bar.parentElement.hidden = true;
    state.classList.add("error");
    say(state, words);
  }
}

// Puts what has changed in the place of what was there, and leaves alone what a person has opened or stands on.
function update(place, html, isOver) {
  const fresh = document.createElement("div");
  fresh.innerHTML = html;
  const named = (details) => details.querySelector("summary").textContent;
  const wasOpen = new Map([...place.querySelectorAll("details")].map((details) => [named(details), details.open]));
  for (const details of fresh.querySelectorAll("details")) {
    if (!isOver && wasOpen.has(named(details))) details.open = wasOpen.get(named(details));
  }
  const active = place.contains(document.activeElement) ? document.activeElement.tagName : null;
  const old = [...place.children];
  const now = [...fresh.children];
  if (old.length === now.length && old.every((child, at) => child.tagName === now[at].tagName)) {
    old.forEach((child, at) => child.isEqualNode(now[at]) || child.replaceWith(now[at]));
  } else {
    place.replaceChildren(...now);
  }
  if (active && !place.contains(document.activeElement)) place.querySelector(active)?.focus();
}

async function followRun(place) {
  const said = document.getElementById("said");
  while (place.dataset.follow) {
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
    let answer;
    try {
      answer = await fetch(place.dataset.follow, { headers: { accept: "text/html" } });
    } catch {
      continue; // the launcher is away; the run goes on
    }
    if (!answer.ok) continue;
    const isOver = answer.headers.has("x-run-is-over");
    update(place, await answer.text(), isOver);
    if (isOver) delete place.dataset.follow;
    document.title = `${place.querySelector("h1").textContent} · agile`;
    say(said, place.querySelector("[data-say]").textContent);
  }
}

const upload = document.getElementById("upload");
if (upload) followUpload(upload);
const live = document.querySelector("[data-follow]");
if (live) followRun(live);
