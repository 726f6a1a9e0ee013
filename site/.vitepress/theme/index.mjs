/** VitePress's own theme, but for what axe finds in it. */
import DefaultTheme from "vitepress/theme";
import "./style.css";

export default DefaultTheme;
