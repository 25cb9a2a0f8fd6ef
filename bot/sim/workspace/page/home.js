// The App Home: what the app published for the person acted as.

import { h } from "./dom.js";
import { Form } from "./form.js";
import { icon } from "./icons.js";
import { nameOf, app, state } from "./store.js";

let form = null;

export function homeView() {
  const view = state.home;
  if (!view?.blocks?.length) {
    form = null;
    return h("div", { class: "page-view" }, h("div", { class: "empty" }, icon("home", { size: 28 }), h("p", {}, `${nameOf(app())} has nothing here yet.`)));
  }
  if (!form || form.view.id !== view.id) form = new Form(view);
  else form.update(view);
  return h("div", { class: "page-view home" }, form.node);
}
