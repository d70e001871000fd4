import { render } from "preact";
import { App } from "./components/app.jsx";
import { connect } from "./state.js";
import "./style.css";

render(<App />, document.getElementById("app"));
connect();
