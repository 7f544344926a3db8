// Puts the manager on the page.

import { mount } from "svelte";

import App from "./App.svelte";
import { connect } from "./backend";
import "./styles.css";

const target = document.getElementById("app");
if (target === null) throw new Error("index.html has no #app");

mount(App, { target, props: { backend: await connect() } });
