import { describe, expect, it } from "vitest";
import { isOwnMachine, linksTo } from "./share";

describe("linksTo", () => {
  const links = linksTo("https://demo.example:8443/models/?transport=http&view=only#controls", 'a "maze" & <more>');

  it("links to the same place without what this page was asked for", () => {
    expect(links.control).toBe("https://demo.example:8443/models/");
    expect(links.view).toBe("https://demo.example:8443/models/?view=only");
  });

  it("writes frames that are whole HTML, whatever the model is called", () => {
    expect(links.frame).toContain('src="https://demo.example:8443/models/?embed=1"');
    expect(links.frame).toContain('title="a &quot;maze&quot; &amp; &lt;more&gt;, live"');
    expect(links.controlFrame).toContain('src="https://demo.example:8443/models/?embed=1&amp;controls=1"');
    expect(links.frame).toMatch(/allow="autoplay; [^"]*camera; microphone; [^"]*"/);
  });
});

describe("isOwnMachine", () => {
  it.each(["http://localhost:8080/", "http://127.0.0.1/", "http://127.8.0.1:9/", "http://[::1]:8080/", "http://a.localhost/"])("%s", (address) => {
    expect(isOwnMachine(address)).toBe(true);
  });

  it.each(["http://192.168.1.4:8080/", "https://demo.example/", "http://127.example/"])("not %s", (address) => {
    expect(isOwnMachine(address)).toBe(false);
  });
});
