/** What eslint checks: its own recommended rules, and a few that keep the page's modules plain and safe. */

import js from "@eslint/js";
import globals from "globals";

export default [
  js.configs.recommended,
  {
    rules: {
      eqeqeq: "error",
      "no-eval": "error",
      "no-implied-eval": "error",
      "no-unused-vars": ["error", { argsIgnorePattern: "^_" }],
      "no-var": "error",
      "object-shorthand": "error",
      "prefer-const": "error",
    },
  },
  { files: ["js/**"], languageOptions: { globals: globals.browser } },
  { files: ["tests/**", "*.config.js"], languageOptions: { globals: globals.node } },
];
