import './styles/tokens.css';
import './styles/base.css';
import {mount} from 'svelte';
import App from './App.svelte';

const target = document.getElementById('workspace');
if (target) mount(App, {target});
